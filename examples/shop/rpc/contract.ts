/** The services with the messages of their methods, as shop.proto and health.proto define them. */

export type Empty = Readonly<Record<string, never>>;

/** An amount in hundredths of the currency's unit. */
export interface Money {
  readonly currency: string;
  readonly hundredths: number;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Money;
  readonly categories: readonly string[];
}

export interface CartItem {
  readonly productId: string;
  readonly quantity: number;
}

export interface Address {
  readonly street: string;
  readonly city: string;
  readonly country: string;
}

export interface CreditCard {
  readonly number: string;
  readonly cvv: number;
  readonly expirationYear: number;
  readonly expirationMonth: number;
}

export interface Ad {
  readonly productId: string;
  readonly text: string;
}

/** A call by which an order was placed, and the cluster of the server that answered. */
export interface Step {
  readonly service: string;
  readonly method: string;
  readonly cluster: string;
}

export interface Order {
  readonly orderId: string;
  readonly trackingId: string;
  readonly items: readonly { readonly item: CartItem; readonly cost: Money }[];
  readonly shippingCost: Money;
  readonly total: Money;
  readonly steps: readonly Step[];
}

interface ShippingRequest {
  readonly address: Address;
  readonly items: readonly CartItem[];
}

/** Services, their methods, and the request and response of each. */
export interface Contract {
  readonly "shop.ProductCatalogService": {
    listProducts: [Empty, { products: readonly Product[] }];
    getProduct: [{ id: string }, Product];
    searchProducts: [{ query: string }, { products: readonly Product[] }];
  };
  readonly "shop.RecommendationService": {
    listRecommendations: [{ productIds: readonly string[] }, { productIds: readonly string[] }];
  };
  readonly "shop.CartService": {
    addItem: [{ userId: string; item: CartItem }, Empty];
    getCart: [{ userId: string }, { items: readonly CartItem[] }];
    emptyCart: [{ userId: string }, Empty];
  };
  readonly "shop.CurrencyService": {
    getSupportedCurrencies: [Empty, { currencies: readonly string[] }];
    convert: [{ from: Money; toCurrency: string }, Money];
  };
  readonly "shop.AdService": {
    getAds: [{ categories: readonly string[] }, { ads: readonly Ad[] }];
  };
  readonly "shop.CheckoutService": {
    placeOrder: [
      { userId: string; currency: string; address: Address; email: string; card: CreditCard },
      Order,
    ];
  };
  readonly "shop.ShippingService": {
    getQuote: [ShippingRequest, Money];
    shipOrder: [ShippingRequest, { trackingId: string }];
  };
  readonly "shop.PaymentService": {
    charge: [{ amount: Money; card: CreditCard }, { transactionId: string }];
  };
  readonly "shop.EmailService": {
    sendOrderConfirmation: [{ email: string; order: Order }, Empty];
  };
  readonly "grpc.health.v1.Health": {
    check: [{ service: string }, { status: string }];
  };
}

export type ServiceName = keyof Contract;
export type MethodName<S extends ServiceName> = keyof Contract[S] & string;
export type RequestOf<S extends ServiceName, M extends MethodName<S>> = Contract[S][M] extends [
  infer Request,
  unknown,
]
  ? Request
  : never;
export type ResponseOf<S extends ServiceName, M extends MethodName<S>> = Contract[S][M] extends [
  unknown,
  infer Response,
]
  ? Response
  : never;
